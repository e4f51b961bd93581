/**
 * Tests of handlers and servers: {@linkcode serveForTest} serves at an address that
 * nobody else has until the end of a block, and has the test fail where a handler
 * does; {@linkcode selfSignedCertificate} and {@linkcode CertificateAuthority} make
 * certificates without any program.
 *
 * @module
 */

export * from "./certificate_authority.ts";
export * from "./serving.ts";
export type {
  TestableServer,
  TestServer,
  UntilErrorsOptions,
} from "./test_server.ts";
