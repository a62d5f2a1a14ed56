// The formats of docs/forms.md for a phone, written from the standards' text and not from the server's code.

const digits = (text) => [...text].map(Number);

export function isDay(text) {
  if (typeof text !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith("0000")) return false;
  const moment = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(text);
}

// Full-width to half-width, trimmed of what Unicode and ASCII call blank, capitals.
function id(text) {
  const half = text.replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0));
  return half.replace(/^(?:[^\S\ufeff]|[\x1c-\x1f\x85])+|(?:[^\S\ufeff]|[\x1c-\x1f\x85])+$/g, "").replace(/x/g, "X");
}

export function birthDate(text, today) {
  if (typeof text !== "string") return undefined;
  const number = id(text);
  if (!/^[1-9]\d{16}[\dX]$/.test(number)) return undefined;
  const born = `${number.slice(6, 10)}-${number.slice(10, 12)}-${number.slice(12, 14)}`;
  if (!isDay(born) || born > today) return undefined;
  // ISO 7064 MOD 11-2 as the standard writes it: the weight of a digit is 2 to the power of its place from the right.
  const values = [...number].map((c) => (c === "X" ? 10 : Number(c)));
  const sum = values.reduce((total, value, index) => total + value * (2 ** (17 - index) % 11), 0);
  return sum % 11 === 1 ? born : undefined;
}

const isCitizenId = (text, today) => birthDate(text, today) !== undefined;

function isCreditCode(text) {
  const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
  if (!/^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$/.test(text)) return false;
  let weight = 1, sum = 0;
  for (const character of text.slice(0, 17)) {
    sum += alphabet.indexOf(character) * weight;
    weight = (weight * 3) % 31;
  }
  return (sum + alphabet.indexOf(text[17])) % 31 === 0;
}

function isBankCard(text) {
  if (!/^\d{12,19}$/.test(text)) return false;
  const total = digits(text).reverse().reduce((sum, digit, index) => {
    const double = digit * 2;
    return sum + (index % 2 ? Math.floor(double / 10) + (double % 10) : digit);
  }, 0);
  return total % 10 === 0;
}

export const checks = {
  date: isDay,
  "past-date": (text, today) => isDay(text) && text <= today,
  "citizen-id": isCitizenId,
  "citizen-id-old": (text) => /^[1-9]\d{14}$/.test(text) && isDay(`19${text.slice(6, 8)}-${text.slice(8, 10)}-${text.slice(10, 12)}`),
  "hmt-residence-permit": (text, today) => isCitizenId(text, today) && /^8[123]0000/.test(id(text)),
  "foreign-resident-card": (text, today) => /^[A-Z]{3}\d{12}$/.test(text) || (isCitizenId(text, today) && id(text)[0] === "9"),
  "social-credit-code": isCreditCode,
  "cn-mobile": (text) => /^1[3-9]\d{9}$/.test(text),
  "bank-card": isBankCard,
  "region-code": (text) => /^(\d{6}|\d{12})$/.test(text),
  "postal-code": (text) => /^\d{6}$/.test(text),
  "text-line": (text) => /(?![\x1c-\x1f\x85])[\S\ufeff]/.test(text) && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(text),
};

const PLAIN = new Set(["citizen-id", "citizen-id-old", "hmt-residence-permit", "foreign-resident-card", "social-credit-code",
  "cn-mobile", "bank-card", "passport", "hk-macau-permit", "taiwan-permit", "plate", "postal-code"]);

export function plain(format, text) {
  if (!PLAIN.has(format)) return text;
  const half = text.replace(/[\uff01-\uff5e]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0));
  return half.replace(/[ \t\r\n\u00a0\u3000\u00b7-]/g, "").replace(/[a-z]/g, (c) => c.toUpperCase());
}
