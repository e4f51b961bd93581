// What is expected of CPython's own tests, which cpython_suite_test.ts runs, and
// whose differences the rows of READMEs must tell of, to which cpython_rows_test.ts
// sees.

/** What is expected of one module of tests. */
export interface Expected {
  /** Names of tests by their classes. */
  readonly pass: Readonly<Record<string, string>>;
  /** Tests that fail, and why that is right. */
  readonly differ: Readonly<Record<string, string>>;
  /** Tests, or whole classes, that cannot be redirected, and why. */
  readonly untouched: Readonly<Record<string, string>>;
}

/** RFC 9112, section 3.2: it must be refused with 400. */
const NO_HOST = "the request of HTTP/1.1 has no Host, and is 400";
/** Why a request to a target that is none of RFC 9112, section 3.2, is refused. */
const NO_TARGET = "the target begins with no slash, and is 400";
/** RFC 9112, section 3.2: a target has no fragment. */
const FRAGMENT = "the target has a fragment, and is 400";
const COUNTS_WRITES = "it counts the writes to an object of Python";

/** Where root runs them, what is asserted about permissions is left out. */
export const expectedOfHTTP = (isRoot: boolean): Expected => ({
  pass: {
    BaseHTTPServerTestCase:
      "command request_line_trimming version_bogus version_none version_invalid header_close header_keep_alive handler return_header_keep_alive internal_key_error return_custom_status return_explain_error latin1_header error_content_length",
    BaseHTTPRequestHandlerTestCase:
      "unprintable_not_logged http_1_0 extra_space with_continue_1_0 date_time_string",
    RequestHandlerLoggingTestCase: "get",
    SimpleHTTPRequestHandlerTestCase: "query_arguments start_with_double_slash",
    SimpleHTTPServerTestCase:
      "browser_cache browser_cache_file_changed head html_escape_filename invalid_requests last_modified" +
      (isRoot ? " get" : ""),
    CGIHTTPServerTestCase:
      "authorization cgi_path_in_sub_directories headers_and_content invaliduri issue19435 nested_cgi_path_issue21323 os_environ_is_not_altered post query_with_continuous_slashes query_with_multiple_question_mark",
  },
  differ: {
    "BaseHTTPServerTestCase.test_version_digits":
      "HTTP/9.9.9 is 505 as HTTP/9.9 is, and not 400",
    "BaseHTTPServerTestCase.test_version_none_get":
      "HTTP/0.9 is not spoken; 400",
    "BaseHTTPServerTestCase.test_send_blank":
      "a line of spaces has a method that is not known: 501, and not 400",
    "BaseHTTPServerTestCase.test_send_error":
      "205 has Content-Length: 0, so that the connection goes on (RFC 9112, section 6.3)",
    "BaseHTTPServerTestCase.test_head_via_send_error": "the same of 205",
    "BaseHTTPRequestHandlerTestCase.test_http_1_1": NO_HOST,
    "BaseHTTPRequestHandlerTestCase.test_with_continue_1_1": NO_HOST,
    "BaseHTTPRequestHandlerTestCase.test_header_unbuffered_when_continue":
      NO_HOST,
    "BaseHTTPRequestHandlerTestCase.test_with_continue_rejected": NO_HOST,
    "BaseHTTPRequestHandlerTestCase.test_http_0_9":
      "HTTP/0.9 is not spoken; 505",
    "BaseHTTPRequestHandlerTestCase.test_request_length":
      "the phrase of 414 is that of RFC 9110",
    "BaseHTTPRequestHandlerTestCase.test_header_length":
      "431 has another phrase",
    "BaseHTTPRequestHandlerTestCase.test_too_many_headers":
      "431 has another phrase",
    "BaseHTTPRequestHandlerTestCase.test_html_escape_on_error":
      "a method that is not known is not repeated on the page",
    "RequestHandlerLoggingTestCase.test_err":
      "llhttp reads no method ERROR, and the one sent for it is logged",
    "SimpleHTTPRequestHandlerTestCase.test_windows_colon":
      "the paths have no slash in front, which is 400; and Windows' module of paths is swapped in Python",
    "SimpleHTTPServerTestCase.test_browser_cache_with_If_None_Match_header":
      "If-None-Match: * is met by whatever there is: 304 (RFC 9110, section 13.1.2)",
    "SimpleHTTPServerTestCase.test_get_dir_redirect_location_domain_injection_bug":
      "a name with an encoded slash is none of a file: 404",
    "SimpleHTTPServerTestCase.test_path_without_leading_slash": NO_TARGET,
    "SimpleHTTPServerTestCase.test_undecodable_filename":
      "Deno cannot open names that are not UTF-8",
    ...(isRoot ? {} : {
      "SimpleHTTPServerTestCase.test_get":
        "a directory that may not be read is 403, and not 404",
    }),
    "CGIHTTPServerTestCase.test_accept":
      "lines of Accept are joined with a comma and a space, and none is no variable (RFC 3875, section 4.1.18)",
    "CGIHTTPServerTestCase.test_no_leading_slash": NO_TARGET,
    "CGIHTTPServerTestCase.test_urlquote_decoding_in_cgi_check":
      "an encoded slash separates nothing: 404",
  },
  untouched: {
    "BaseHTTPRequestHandlerTestCase.test_close_connection":
      "it replaces a method of an object of Python",
    "BaseHTTPRequestHandlerTestCase.test_header_buffering_of_send_error":
      COUNTS_WRITES,
    "BaseHTTPRequestHandlerTestCase.test_header_buffering_of_send_header":
      COUNTS_WRITES,
    "BaseHTTPRequestHandlerTestCase.test_header_buffering_of_send_response_only":
      COUNTS_WRITES,
    "CGIHTTPServerTestCase.test_url_collapse_path":
      "it calls an internal function",
    MiscTestCase: "it is about the names that Python's module exports",
    ScriptTestCase: "it calls a function with a class that mocks a server",
  },
});

export const XMLRPC: Expected = {
  pass: {
    SimpleServerTestCase:
      "404 allow_dotted_names_true client_encoding context_manager context_manager_method_error dotted_attribute introspection2 introspection3 introspection4 multicall nonascii nonascii_methodname partial_post simple1 unicode_host",
    SimpleServerEncodingTestCase: "server_encoding",
    MultiPathServerTestCase:
      "empty_path path1 path2 path3 path_query root_path",
    KeepaliveServerTestCase1: "two",
    KeepaliveServerTestCase2: "close transport",
    GzipServerTestCase: "bad_gzip_request gzip_request gzip_response",
    HeadersServerTestCase:
      "header header_empty header_items header_many header_tuple",
    FailingServerTestCase: "basic",
    CGIHandlerTestCase: "cgi_get",
  },
  differ: {
    "SimpleServerTestCase.test_introspection1":
      "what only has members and cannot be called, Fixture, is not listed",
    "SimpleServerTestCase.test_non_existing_multicall":
      "the fault's code is -32601, which is the one for that, and not 1",
    "MultiPathServerTestCase.test_invalid_path": "it is 404, and no fault",
    "MultiPathServerTestCase.test_empty_path_fragment": NO_TARGET,
    "MultiPathServerTestCase.test_empty_path_query": NO_TARGET,
    "MultiPathServerTestCase.test_path_fragment": FRAGMENT,
    "MultiPathServerTestCase.test_path_query_fragment": FRAGMENT,
    "FailingServerTestCase.test_fail_no_info":
      "it breaks the server by a class of Python's, which is not there",
    "FailingServerTestCase.test_fail_with_info": "the same",
    "CGIHandlerTestCase.test_cgi_xmlrpc_response":
      "the header has Status in front, and is longer than the 44 bytes that the test counts on",
  },
  untouched: {
    BinaryTestCase: "it is about CPython's client",
    DateTimeTestCase: "it is about CPython's client",
    FaultTestCase: "it is about CPython's client",
    GzipUtilTestCase: "it is about CPython's client",
    HelperTestCase: "it is about CPython's client",
    ServerProxyTestCase: "it is about CPython's client",
    XMLRPCTestCase: "it is about CPython's reader and writer",
    SimpleXMLRPCDispatcherTestCase: "it registers functions of Python",
    UseBuiltinTypesTestCase: "it is about options of Python's classes",
  },
};

/** The page says the same in other words, and has its style in it. */
const OWN_PAGE = "it looks for the markup of pydoc, and the page is another";

export const DOCXMLRPC: Expected = {
  pass: { DocXMLRPCHTTPGETServer: "valid_get_response invalid_get_response" },
  differ: {
    "DocXMLRPCHTTPGETServer.test_annotations": OWN_PAGE,
    "DocXMLRPCHTTPGETServer.test_autolink_dotted_methods": OWN_PAGE,
    "DocXMLRPCHTTPGETServer.test_autolinking": OWN_PAGE,
    "DocXMLRPCHTTPGETServer.test_get_css": "the page has its style in it",
    "DocXMLRPCHTTPGETServer.test_lambda": OWN_PAGE,
    "DocXMLRPCHTTPGETServer.test_system_methods": OWN_PAGE,
  },
  untouched: {
    "DocXMLRPCHTTPGETServer.test_server_title_escape":
      "it sets attributes of an object of Python",
  },
};
