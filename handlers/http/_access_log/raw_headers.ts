import { fieldValue } from "../_connection/field_value.ts";
import type { AccessLogRecord } from "../access_log_record.ts";

/** The name of the headers of a record as they came: names and values in turn. */
export const RAW_HEADERS: unique symbol = Symbol("raw headers");

/** A record that was not put together by somebody else. */
export interface RawRecord extends AccessLogRecord {
  readonly [RAW_HEADERS]?: readonly string[];
}

/**
 * The value of a header of the request that a record is of.
 *
 * @param name Its name, in lower case.
 * @returns `null` where there is none.
 */
export function headerOf(record: RawRecord, name: string): string | null {
  const rawHeaders = record[RAW_HEADERS];
  return rawHeaders === undefined
    ? record.headers.get(name)
    : fieldValue(rawHeaders, name) ?? null;
}
