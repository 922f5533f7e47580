/** Exact amounts: text with up to three decimals, as the service writes it. */

export const isZero = (text) => !/[1-9]/.test(text);

/** A whole number. */
export function thousandths(text) {
  const [whole, decimals = ""] = text.split(".");
  return BigInt(whole + decimals.padEnd(3, "0"));
}

function fromThousandths(number) {
  const digits = String(number).replace("-", "").padStart(4, "0");
  return `${number < 0n ? "-" : ""}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

/** null where one is not known. */
export const sum = (texts) => (texts.includes(null) ? null : fromThousandths(texts.reduce((sofar, text) => sofar + thousandths(text), 0n)));

export const difference = (text, ...others) => fromThousandths(others.reduce((sofar, other) => sofar - thousandths(other), thousandths(text)));
