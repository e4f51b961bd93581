import { stripTypeScriptTypes } from "node:module";

// Deno 2.9.6 opens two things once, when it first has a use for them, and ends
// the process where no descriptor is left for them then. Where there are many
// sockets, none may be left. So they are opened here, where descriptors have just
// been used for importing this.

// Reading the stack of an error has Deno parse the module that it is from. At the
// first statement that holds others it asks how large the stack of the main
// thread is, and Linux answers by a file. The first error may be the one that
// says that no descriptor is left.
stripTypeScriptTypes("if (0);");

// Some time after the start Deno listens to signals of its own, by way of a pair
// of sockets. It has them as soon as anybody listens to one.
const ignore = () => {};
Deno.addSignalListener("SIGINT", ignore);
Deno.removeSignalListener("SIGINT", ignore);
