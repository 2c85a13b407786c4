export interface CurlCall {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query, from the slash on. */
  path: string;
  body?: unknown;
  /** Write the answer into this file. */
  output?: string;
}

/** A word as a POSIX shell reads it back unchanged. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The curl line of a call, for a shell in which TOKEN is a token. */
export function curlText(origin: string, { method = "GET", path, body, output }: CurlCall): string {
  const words = ["curl"];
  if (method !== "GET") words.push("-X", method);
  words.push("-H", '"Authorization: Bearer $TOKEN"');
  if (body !== undefined) words.push("-H", "'Content-Type: application/json'", "-d", quoted(JSON.stringify(body)));
  if (output) words.push("-o", quoted(output));
  return [...words, quoted(origin + path)].join(" ");
}
