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

// Named in the signatures of this entry, whose pages lead to them here.
export type {
  ClientStartTLSOptions,
  ClientTLSOptions,
  CloseOptions,
  ConnectDatagramOptions,
  ConnectOptions,
  DatagramClient,
  RequestOptions,
  StreamClient,
} from "../../handlers/client/mod.ts";
export type {
  BaseRequestHandler,
  FrameOptions,
  FrameReadOptions,
  PeerCertificate,
  PieceOptions,
  ProxyAddress,
  ProxyHeader,
  ProxySSL,
  ProxyTLV,
  ProxyTLVs,
  ReadOptions,
  RequestServer,
  StartTLSOptions,
  StreamReader,
  StreamRequestHandler,
  StreamWriter,
  TLSCertificate,
  TLSInfo,
  TLSOptions,
} from "../../handlers/mod.ts";
export type {
  AbortReason,
  BaseServer,
  ConnectionInfo,
  ConnectionState,
  HandlerFunction,
  MessageSender,
  RefusalReason,
  RequestHandlerClass,
  ServerStats,
  ShutdownOptions,
  StreamHandler,
  StreamServer,
  TCPAddr,
  TCPServer,
  WorkersStats,
  WorkerStats,
} from "../mod.ts";
