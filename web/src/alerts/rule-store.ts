// The user's alert rules.
import { signal } from "@preact/signals";
import type { Rule, RuleBody } from "../api/alert-types.ts";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { List } from "../api/types.ts";

const PATH = "/api/v1/alert-rules";

/** By name; null: not known yet. */
export const rules = signal<Rule[] | null>(null);
export const rulesProblem = signal("");

export async function loadRules(): Promise<void> {
  try {
    const found: Rule[] = [];
    for (let cursor: string | null = null, more = true; more; ) {
      const page: List<Rule> = await api.get<List<Rule>>(PATH, { cursor });
      found.push(...page.items);
      cursor = page.next_cursor;
      more = cursor !== null;
    }
    rules.value = found.sort(byName);
    rulesProblem.value = "";
  } catch (error) {
    rulesProblem.value = explain(error);
  }
}

/** Create a rule, or replace one. Throws ApiError. */
export async function saveRule(id: string | null, body: RuleBody): Promise<Rule> {
  const saved = id ? await api.put<Rule>(`${PATH}/${id}`, body) : await api.post<Rule>(PATH, body);
  rules.value = [...(rules.value ?? []).filter((one) => one.id !== saved.id), saved].sort(byName);
  return saved;
}

/** Throws ApiError. */
export async function deleteRule(id: string): Promise<void> {
  await api.del(`${PATH}/${id}`);
  rules.value = rules.value?.filter((one) => one.id !== id) ?? null;
}

function byName(one: Rule, other: Rule): number {
  return one.name.localeCompare(other.name);
}
