/** Four numbers from 0 to 255, without leading zeros: RFC 6943, 3.1.1. */
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** What an IPv6 address is made of: RFC 4291, 2.2. */
const IPV6_CHARACTERS = /^[\da-f:.]+$/i;

/** Whether a host is an IP address, which nobody has to be asked for. */
export function isLiteral(hostname: string): boolean {
  return IPV4.test(hostname) ||
    hostname.includes(":") && IPV6_CHARACTERS.test(hostname) &&
      URL.canParse(`http://[${hostname}]`);
}
