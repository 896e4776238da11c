import { fullFormats } from 'ajv-formats/dist/formats';

/** Whether a text has the form that a format asks for. */
type FormatCheck = (text: string) => boolean;

const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})t(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:z|[+-]\d{2}:\d{2})$/i;
const DURATION = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))*$|^0$/;

/** Formats of texts that are checked; a text of any other format is let pass, as Kubernetes does with what it does not know. */
export const FORMATS: ReadonlyMap<string, FormatCheck> = new Map([
  ...(['date', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid', 'byte'] as const).map((name): [string, FormatCheck] => [name, checkOf(fullFormats[name])]),
  ['date-time', isDateTime],
  ['duration', (text) => DURATION.test(text)],
]);

function checkOf(format: unknown): FormatCheck {
  if (format instanceof RegExp) return (text) => format.test(text);
  if (typeof format === 'function') return (text) => format(text) === true;
  if (typeof format === 'object' && format !== null && 'validate' in format) return checkOf(format.validate);
  throw new Error(`ajv-formats: expected a pattern or a function, got ${typeof format}`);
}

function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text);
  if (match === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth && hour <= 23 && minute <= 59 && second <= 59;
}
