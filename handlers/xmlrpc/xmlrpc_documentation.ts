/** What the documentation page of a server says beside its methods. */
export interface XMLRPCDocumentation {
  /**
   * The page's title, as the browser shows it.
   *
   * @default {"XML-RPC server documentation"}
   */
  readonly title?: string;
  /**
   * The heading of the page.
   *
   * @default the title
   */
  readonly name?: string;
  /**
   * What the server is for. Paragraphs are separated by an empty line.
   *
   * @default {"This server offers the following methods over XML-RPC."}
   */
  readonly introduction?: string;
}
