import type { Folder } from "../../_program.ts";
import { openssl } from "../../peers/_peers.ts";
import type { Certificate } from "./_certificate.ts";

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/** A certificate, its key, and the files that have them. */
export interface Issued extends Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Signs certificates with a key of its own. */
export class Authority {
  /** Its certificate, in PEM format. */
  readonly cert: string;
  readonly certFile: string;
  readonly #folder: Folder;
  readonly #name: string;

  private constructor(folder: Folder, name: string, cert: string) {
    this.#folder = folder;
    this.#name = name;
    this.cert = cert;
    this.certFile = folder.at(`${name}.pem`);
  }

  static async make(folder: Folder, name = "authority"): Promise<Authority> {
    await openssl.run([
      ...["req", "-x509", "-nodes", "-days", "2", "-subj", `/CN=${name}`],
      ...CURVE,
      ...[
        "-keyout",
        folder.at(`${name}.key`),
        "-out",
        folder.at(`${name}.pem`),
      ],
    ]);
    return new Authority(
      folder,
      name,
      await Deno.readTextFile(folder.at(`${name}.pem`)),
    );
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
  ): Promise<Issued> {
    const at = (ending: string) =>
      this.#folder.at(`${this.#name}-${subject.replace("*", "_")}.${ending}`);
    await openssl.run([
      ...["req", "-new", "-nodes", "-subj", `/CN=${subject}`, ...CURVE],
      ...["-keyout", at("key"), "-out", at("csr")],
    ]);
    await Deno.writeTextFile(
      at("ext"),
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\n` +
        "basicConstraints=critical,CA:FALSE\n",
    );
    await openssl.run([
      ...["x509", "-req", "-in", at("csr"), "-days", String(days)],
      ...["-CA", this.certFile, "-CAkey", this.#folder.at(`${this.#name}.key`)],
      ...["-CAcreateserial", "-extfile", at("ext"), "-out", at("pem")],
    ]);
    return {
      cert: await Deno.readTextFile(at("pem")),
      key: await Deno.readTextFile(at("key")),
      certFile: at("pem"),
      keyFile: at("key"),
    };
  }
}
