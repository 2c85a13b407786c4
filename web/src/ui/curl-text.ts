export interface CurlCall {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Absolute path with query. */
  path: string;
  body?: unknown;
  /** Send this file, of this type. */
  file?: { name: string; type: string };
  /** Write the response to this file. */
  output?: string;
}

/** Quote a word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The curl command of a request, for a shell with a token in TOKEN. */
export function curlText(origin: string, { method = "GET", path, body, file, output }: CurlCall): string {
  const words = ["curl"];
  if (method !== "GET") words.push("-X", method);
  words.push("-H", '"Authorization: Bearer $TOKEN"');
  if (body !== undefined) words.push("-H", "'Content-Type: application/json'", "-d", quoted(JSON.stringify(body)));
  if (file) words.push("-H", quoted(`Content-Type: ${file.type}`), "--data-binary", quoted(`@${file.name}`));
  if (output) words.push("-o", quoted(output));
  return [...words, quoted(origin + path)].join(" ");
}
