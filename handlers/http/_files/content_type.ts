/** What is sent of a file whose name tells nothing: bytes. */
const UNKNOWN = "application/octet-stream";

/** Types by the endings of names, from IANA's registry of media types. */
const TYPES: Readonly<Record<string, string>> = {
  // Text.
  ".css": "text/css",
  ".csv": "text/csv",
  ".htm": "text/html",
  ".html": "text/html",
  ".ics": "text/calendar",
  ".js": "text/javascript",
  ".markdown": "text/markdown",
  ".md": "text/markdown",
  ".mjs": "text/javascript",
  ".tsv": "text/tab-separated-values",
  ".txt": "text/plain",
  ".vcf": "text/vcard",
  ".vtt": "text/vtt",
  // Text that browsers would otherwise offer to save.
  ".bash": "text/plain",
  ".bat": "text/plain",
  ".c": "text/plain",
  ".cc": "text/plain",
  ".conf": "text/plain",
  ".cpp": "text/plain",
  ".cs": "text/plain",
  ".cts": "text/plain",
  ".diff": "text/plain",
  ".go": "text/plain",
  ".h": "text/plain",
  ".hpp": "text/plain",
  ".ini": "text/plain",
  ".java": "text/plain",
  ".jsx": "text/plain",
  ".kt": "text/plain",
  ".log": "text/plain",
  ".lua": "text/plain",
  ".mts": "text/plain",
  ".patch": "text/plain",
  ".pl": "text/plain",
  ".py": "text/plain",
  ".rb": "text/plain",
  ".rs": "text/plain",
  ".scss": "text/plain",
  ".sh": "text/plain",
  ".sql": "text/plain",
  ".swift": "text/plain",
  ".tex": "text/plain",
  ".toml": "text/plain",
  ".ts": "text/plain",
  ".tsx": "text/plain",
  ".yaml": "text/plain",
  ".yml": "text/plain",
  // Data.
  ".atom": "application/atom+xml",
  ".geojson": "application/geo+json",
  ".json": "application/json",
  ".jsonld": "application/ld+json",
  ".map": "application/json",
  ".rss": "application/rss+xml",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".xhtml": "application/xhtml+xml",
  ".xml": "application/xml",
  ".xsl": "application/xslt+xml",
  // Images.
  ".apng": "image/apng",
  ".avif": "image/avif",
  ".bmp": "image/bmp",
  ".gif": "image/gif",
  ".heic": "image/heic",
  ".ico": "image/vnd.microsoft.icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".jxl": "image/jxl",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".tif": "image/tiff",
  ".tiff": "image/tiff",
  ".webp": "image/webp",
  // Sound and film.
  ".aac": "audio/aac",
  ".avi": "video/x-msvideo",
  ".flac": "audio/flac",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".m4a": "audio/mp4",
  ".m4v": "video/mp4",
  ".mid": "audio/midi",
  ".midi": "audio/midi",
  ".mkv": "video/matroska",
  ".mov": "video/quicktime",
  ".mp3": "audio/mpeg",
  ".mp4": "video/mp4",
  ".mpeg": "video/mpeg",
  ".mpg": "video/mpeg",
  ".oga": "audio/ogg",
  ".ogg": "audio/ogg",
  ".ogv": "video/ogg",
  ".opus": "audio/ogg",
  ".wav": "audio/wav",
  ".weba": "audio/webm",
  ".webm": "video/webm",
  // Fonts.
  ".otf": "font/otf",
  ".ttc": "font/collection",
  ".ttf": "font/ttf",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  // Documents.
  ".doc": "application/msword",
  ".docx":
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ".epub": "application/epub+zip",
  ".odp": "application/vnd.oasis.opendocument.presentation",
  ".ods": "application/vnd.oasis.opendocument.spreadsheet",
  ".odt": "application/vnd.oasis.opendocument.text",
  ".pdf": "application/pdf",
  ".ppt": "application/vnd.ms-powerpoint",
  ".pptx":
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  ".rtf": "application/rtf",
  ".xls": "application/vnd.ms-excel",
  ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  // Archives.
  ".7z": "application/x-7z-compressed",
  ".bz2": "application/x-bzip2",
  ".gz": "application/gzip",
  ".jar": "application/java-archive",
  ".tar": "application/x-tar",
  ".tgz": "application/gzip",
  ".xz": "application/x-xz",
  ".zip": "application/zip",
  ".zst": "application/zstd",
};

/**
 * Guesses a file's type by its name.
 *
 * @param name The name, or a path.
 * @param own Types by endings, in lower case, which go before the known ones.
 * @returns The type; text with its encoding, which is taken to be UTF-8.
 */
export function contentType(
  name: string,
  own: Readonly<Record<string, string>>,
): string {
  // A name that only has a dot in front has no ending.
  const ending = /[^/\\](\.[^./\\]*)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  if (Object.hasOwn(own, ending)) return own[ending]!;
  const type = Object.hasOwn(TYPES, ending) ? TYPES[ending]! : UNKNOWN;
  return type.startsWith("text/") ? `${type};charset=utf-8` : type;
}
