// A size as people write it, such as 3.2×10⁻¹², from its log₁₀: what analysis/wording.py's power_of_ten writes.

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const raised = (number) => [...String(number)].map((letter) => RAISED[letter]).join("");

export function sizeWords(log10) {
  if (log10 === null) return "";
  if (log10 >= -3 && log10 < Math.log10(999.5)) return String(Number((10 ** log10).toPrecision(3)));
  let exponent = Math.floor(log10);
  let mantissa = Math.round(10 ** (log10 - exponent) * 10) / 10;
  if (mantissa >= 10) [mantissa, exponent] = [1, exponent + 1];
  return `${mantissa}×10${raised(exponent)}`;
}
