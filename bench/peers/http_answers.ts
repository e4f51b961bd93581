/** What the servers of `bench/http.ts` answer with, by its name. */
export type Answering = "hello" | "echo" | "sink" | "source";

/** The functions, as `Deno.serve` takes them. */
export const answers: Record<
  Answering,
  (request: Request) => Response | Promise<Response>
> = {
  hello: () => new Response("hello\n"),
  // Read and made again, as an answer of one's own is.
  echo: async (request) => Response.json(await request.json()),
  sink: async (request) => {
    let size = 0;
    for await (const chunk of request.body!) size += chunk.length;
    return new Response(`${size}\n`);
  },
  source: () => new Response(mebibyte),
};

/** A MiB. */
export const mebibyte: Uint8Array<ArrayBuffer> = new Uint8Array(2 ** 20)
  .fill(65);
