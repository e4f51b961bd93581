// Opens libc before any test. It stays open: the first test to use it would
// seem to leak it.

import { libc } from "../../poll/_libc.ts";

libc();
