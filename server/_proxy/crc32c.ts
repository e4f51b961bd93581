/** The polynomial of CRC32c, its bits reversed (RFC 4960, appendix B). */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) {
    sum = (sum & 1) === 0 ? sum >>> 1 : (sum >>> 1) ^ POLYNOMIAL;
  }
  return sum;
});

/** The CRC32c of bytes, those of `zeros` taken for 0. */
export function crc32c(
  bytes: Uint8Array,
  zeros: { readonly from: number; readonly to: number },
): number {
  let sum = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    const byte = i >= zeros.from && i < zeros.to ? 0 : bytes[i]!;
    sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 0xff]!;
  }
  return (sum ^ 0xffffffff) >>> 0;
}
