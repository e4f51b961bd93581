import { testGreeter } from "./_greeter.ts";

testGreeter("tcp_server");
