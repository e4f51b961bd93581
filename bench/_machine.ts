/** What figures were made on: Deno, the processor and the system. */
export function describeMachine(): string {
  const model = /^model name\s*:\s*(.*)$/m.exec(
    Deno.readTextFileSync("/proc/cpuinfo"),
  )?.[1];
  return `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores (${model}), Linux ${Deno.osRelease()}`;
}
