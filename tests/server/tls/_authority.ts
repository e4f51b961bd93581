import { CertificateAuthority } from "../../../server/testing/mod.ts";
import { type Certificate, writeCertificate } from "../../_certificate.ts";
import type { Folder } from "../../_program.ts";

/** Signs certificates with a key of its own, and writes them to files. */
export class Authority {
  /** Its certificate, in PEM format. */
  readonly cert: string;
  readonly file: string;
  readonly #folder: Folder;
  readonly #name: string;
  readonly #signs: CertificateAuthority;

  private constructor(
    folder: Folder,
    name: string,
    signs: CertificateAuthority,
  ) {
    this.#folder = folder;
    this.#name = name;
    this.#signs = signs;
    this.cert = signs.cert;
    this.file = folder.at(`${name}.pem`);
  }

  static async make(folder: Folder, name = "authority"): Promise<Authority> {
    const signs = await CertificateAuthority.make({ subject: name });
    const authority = new Authority(folder, name, signs);
    await Deno.writeTextFile(authority.file, authority.cert);
    return authority;
  }

  /**
   * Signs a certificate.
   *
   * @param subject Whom it names.
   * @param names The names of hosts that it is for.
   * @param days How long it is valid; less than 0, and it has expired.
   */
  async issue(
    subject: string,
    names: readonly string[] = ["localhost"],
    days = 2,
  ): Promise<Certificate> {
    return await writeCertificate(
      this.#folder,
      `${this.#name}-${subject.replace("*", "_")}`,
      await this.#signs.issue({ subject, names, days }),
    );
  }
}
