/**
 * How long a reply may be on its way before it is taken to have arrived, in
 * milliseconds.
 */
const ARRIVES_WITHIN = 100;

/**
 * Ends and closes a connection whose requests have all been answered, and which
 * waits for another.
 *
 * Such a client sends nothing before it has its reply, so that no reset can
 * destroy one, and nothing has to linger. But a client that pipelines may send:
 * where a reply was written just now, its end is waited for, or the time in
 * which the reply arrives. Its end is told first, which TLS does by a message.
 *
 * @param connection The connection.
 * @param wroteAt When something was last written to it, in `performance.now()`
 * time.
 * @param peerEnded Reads on; resolves to whether that met the client's end.
 */
export async function leave(
  connection: Deno.Conn,
  wroteAt: number,
  peerEnded: () => Promise<boolean>,
): Promise<void> {
  const arriving = performance.now() - wroteAt < ARRIVES_WITHIN;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const arrived = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ARRIVES_WITHIN);
  });
  const end = async () => {
    await connection.closeWrite();
    if (arriving && !await peerEnded()) await arrived;
  };
  try {
    await Promise.race([arrived, end()]);
    connection.close();
  } catch {
    // It was closed meanwhile, or the client has gone.
  } finally {
    clearTimeout(timer);
  }
}
