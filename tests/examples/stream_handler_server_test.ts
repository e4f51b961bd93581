import { testGreeter } from "./_greeter.ts";

testGreeter("stream_handler_server");
