import { runAgain } from "../_again.ts";

// It takes some 20 seconds, as those tests do, which wait most of the time.
Deno.test("what is tested of connections holds for those that node:net accepts", async () => {
  await runAgain({
    mod: new URL("_on_node_sockets.ts", import.meta.url).href,
    files: [
      ...["closing", "tls/connection_test.ts", "slow_clients_test.ts"],
      ...["bad_clients_test.ts", "shutdown_test.ts", "hooks_test.ts"],
    ],
    // Datagrams, what is not on the event loop, and Deno's own connections.
    leaveOut:
      /datagram|UDP|in a thread|in a process|a connection of Deno's|cannot be constructed/,
  });
});
