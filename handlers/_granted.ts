/**
 * Whether something may be done without anybody being asked: in a terminal Deno
 * asks, and all that this process serves would wait for the answer.
 */
export function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
