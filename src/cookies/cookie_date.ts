const MONTHS: readonly string[] = [
  "jan",
  "feb",
  "mar",
  "apr",
  "may",
  "jun",
  "jul",
  "aug",
  "sep",
  "oct",
  "nov",
  "dec",
];

// The patterns of RFC 6265, section 5.1.1: a token matches if it begins like
// this and no digit follows.
const TIME = /^([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])/;
const DAY = /^([0-9]{1,2})(?![0-9])/;
const YEAR = /^([0-9]{2,4})(?![0-9])/;

// No real date is longer.
const MAX_LENGTH = 256;

/**
 * Reads the date of an Expires attribute, in any of the forms that servers use
 * (RFC 6265, section 5.1.1).
 *
 * @param text The date
 * @returns Milliseconds since 1970, or `undefined` if it is not a date
 */
export function parseCookieDate(text: string): number | undefined {
  let time: number[] | undefined;
  let day: number | undefined;
  let month: number | undefined;
  let year: number | undefined;
  const delimiters = /[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/;
  for (const token of text.slice(0, MAX_LENGTH).split(delimiters)) {
    let match: RegExpExecArray | null;
    if (time === undefined && (match = TIME.exec(token)) !== null) {
      time = match.slice(1).map(Number);
    } else if (day === undefined && (match = DAY.exec(token)) !== null) {
      day = Number(match[1]);
    } else if (month === undefined && monthOf(token) >= 0) {
      month = monthOf(token);
    } else if (year === undefined && (match = YEAR.exec(token)) !== null) {
      year = Number(match[1]);
    }
  }
  if (
    time === undefined || day === undefined || month === undefined ||
    year === undefined
  ) return undefined;

  if (year < 70) year += 2000;
  else if (year < 100) year += 1900;
  const [hours = 0, minutes = 0, seconds = 0] = time;
  if (year < 1601 || hours > 23 || minutes > 59 || seconds > 59) {
    return undefined;
  }
  const date = new Date(Date.UTC(year, month, day, hours, minutes, seconds));
  // `Date` would turn February 30 into one of the first days of March.
  return date.getUTCDate() === day ? date.getTime() : undefined;
}

function monthOf(token: string): number {
  return MONTHS.indexOf(token.slice(0, 3).toLowerCase());
}
