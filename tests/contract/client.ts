// A small program of somebody who has only openapi.yaml: it must compile against the generated types.
import createClient from "openapi-fetch";
import type { components, paths } from "./openapi";

type Problem = components["schemas"]["Problem"];

const api = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });

function explain(problem: Problem): never {
  const faults = Object.entries(problem.errors ?? {}).map(([pointer, words]) => `${pointer}: ${words.join(" ")}`);
  throw new Error([problem.code, problem.title, ...faults].join("\n"));
}

export async function askForBalance(accessToken: string): Promise<string> {
  const headers = { Authorization: `Bearer ${accessToken}` };
  const filed = await api.POST("/v1/submissions", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { service: "housing-fund-balance", submit: true },
    headers,
  });
  if (filed.error) explain(filed.error);
  const path = { submission_id: filed.data.id };
  const progress = await api.GET("/v1/submissions/{submission_id}/progress", { params: { path }, headers });
  if (progress.error) explain(progress.error);
  return progress.data.events.map((event) => `${event.at} ${event.text}`).join("\n");
}

export async function firstServices(): Promise<string[]> {
  const { data, error } = await api.GET("/v1/services", { params: { query: { limit: 5 } } });
  if (error) explain(error);
  return data.items.map((service) => service.name);
}

export async function mistakes(): Promise<void> {
  // @ts-expect-error: there is no such address.
  await api.GET("/v1/service");
  // @ts-expect-error: a POST that acts needs its Idempotency-Key.
  await api.POST("/v1/submissions", { body: { service: "residence-permit" } });
  // @ts-expect-error: a service is named by its code, which is a text.
  await api.POST("/v1/submissions", { params: { header: { "Idempotency-Key": "k" } }, body: { service: 7, submit: true } });
}
