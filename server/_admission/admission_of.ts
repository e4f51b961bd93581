import { seamOf } from "../_core/seam.ts";
import type { AdmissionOptions } from "../admission_options.ts";
import { Admission } from "./admission.ts";

/**
 * What says who is let in to a server, if its options tell that.
 *
 * @throws {RangeError} If one is out of range.
 * @throws {TypeError} If one is of another type, or has an unknown name.
 */
export function admissionOf(
  options: { readonly admission?: AdmissionOptions },
): Admission | undefined {
  const { admission, admissionThreads } = seamOf(options);
  if (admission !== undefined || options.admission === undefined) {
    return admission;
  }
  return new Admission(options.admission, admissionThreads);
}
