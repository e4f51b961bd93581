/** The kernels whose constants and structures this module knows. */
export type Platform = "linux" | "darwin";

/** Which of them this is; `undefined` where neither. Needs no permission. */
export const platform: Platform | undefined =
  Deno.build.os === "linux" || Deno.build.os === "android"
    ? "linux"
    : Deno.build.os === "darwin"
    ? "darwin"
    : undefined;

/** Picks the value of this platform; where there is none, Linux's. */
export function pick<T>(linux: T, darwin: T): T {
  return platform === "darwin" ? darwin : linux;
}
