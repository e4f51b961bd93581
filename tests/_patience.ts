/**
 * How long a test waits for one event, in milliseconds: far longer than any
 * takes, so that only what would never come is given up.
 */
export const PATIENCE = 20_000;

/**
 * Waits for what should come soon, and fails where it does not come at all.
 *
 * @param waitedFor Says what did not come.
 */
export async function patiently<T>(
  coming: Promise<T>,
  waitedFor: () => string,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new Error(`Waited ${PATIENCE / 1000} s in vain for ${waitedFor()}`),
        ),
      PATIENCE,
    );
  });
  try {
    return await Promise.race([coming, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Does something again and again until something is done, for what takes no notice of
 * it when it comes too soon.
 */
export async function repeatUntil<Result>(
  done: Promise<Result>,
  act: () => unknown,
): Promise<Result> {
  const timer = setInterval(act, 20);
  try {
    return await done;
  } finally {
    clearInterval(timer);
  }
}
