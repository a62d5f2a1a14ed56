// docs/forms.md as a program: what a phone does with a form, written from that page and not from the server's code.
// Reads one JSON request a line, writes one JSON answer a line. Tests compare both with the server.

import { createInterface } from "node:readline";
import { checks, isDay, birthDate, plain } from "./reference_formats.mjs";

const LARGEST = Number.MAX_SAFE_INTEGER;
const UNKNOWN = undefined;
const isObject = (x) => typeof x === "object" && x !== null && !Array.isArray(x);
const has = (object, name) => Object.prototype.hasOwnProperty.call(object, name);
const read = (object, name) => (isObject(object) && has(object, name) ? object[name] : undefined);

// ---- values -------------------------------------------------------------------------------------------------------

function valueOf(answer) {
  if (typeof answer === "string") return answer === "" ? undefined : answer;
  if (typeof answer === "boolean") return answer;
  if (typeof answer === "number") return Math.abs(answer) <= LARGEST ? answer + 0 : undefined;
  return undefined;
}

function lookUp(name, at) {
  if (name.startsWith("/")) return read(at.answers, name.slice(1));
  return at.group === null ? read(at.answers, name) : read(at.item, name);
}

const situation = (code, at) => read(read(at.answers, "situations"), code);

function terms(list, at) {
  return list.flatMap((term) => {
    if (!("items" in term)) return [evaluate(term, at)];
    const items = read(at.answers, term.items);
    return Array.isArray(items) ? items.filter(isObject).map((item) => valueOf(read(item, term.field))) : [];
  });
}

function sum(list, at) {
  const numbers = terms(list, at).filter((term) => typeof term === "number");
  if (numbers.length === 0) return undefined;
  const total = numbers.reduce((so_far, number) => so_far + number, 0);
  if (Number.isInteger(total) || Math.abs(total) > LARGEST / 1e6) return valueOf(total);
  return valueOf(Math.floor(total * 1e6 + 0.5) / 1e6);
}

function concat(expression, at) {
  const parts = terms(expression.concat, at).filter((term) => typeof term === "string" || Number.isInteger(term));
  const text = parts.map((part) => (typeof part === "number" ? String(part + 0) : part)).join(expression.separator ?? "");
  return text === "" || [...text].length > 1000 ? undefined : text;
}

const split = (day) => day.split("-").map(Number);
const serial = (day) => {
  const [year, month, date] = split(day);
  const moment = new Date(0);
  moment.setUTCFullYear(year, month - 1, date);
  return Math.round(moment.getTime() / 86400000);
};
const full = {
  days: (a, b) => serial(b) - serial(a),
  months: (a, b) => {
    const [ya, ma, da] = split(a), [yb, mb, db] = split(b);
    return (yb - ya) * 12 + (mb - ma) - (db < da ? 1 : 0);
  },
  years: (a, b) => {
    const [ya, ma, da] = split(a), [yb, mb, db] = split(b);
    return yb - ya - (mb < ma || (mb === ma && db < da) ? 1 : 0);
  },
};

function between(kind, pair, at) {
  const [a, b] = pair.map((expression) => evaluate(expression, at));
  if (!isDay(a) || !isDay(b)) return undefined;
  return a <= b ? full[kind](a, b) : 0 - full[kind](b, a);
}

function age(value, at) {
  const born = isDay(value) ? value : birthDate(value, at.today);
  return born === undefined || born > at.today ? undefined : full.years(born, at.today);
}

function evaluate(expression, at) {
  if ("value" in expression) return valueOf(expression.value);
  if ("field" in expression) return valueOf(lookUp(expression.field, at));
  if ("situation" in expression) return valueOf(situation(expression.situation, at));
  if ("today" in expression) return at.today;
  if ("sum" in expression) return sum(expression.sum, at);
  if ("concat" in expression) return concat(expression, at);
  if ("birth_date" in expression) return birthDate(evaluate(expression.birth_date, at), at.today);
  if ("age" in expression) return age(evaluate(expression.age, at), at);
  if ("count" in expression) {
    const list = lookUp(expression.count, at);
    return Array.isArray(list) ? list.length : 0;
  }
  for (const kind of ["days", "months", "years"]) if (kind in expression) return between(kind, expression[kind], at);
  throw new Error("no such expression");
}

// ---- conditions ---------------------------------------------------------------------------------------------------

function test(condition, at) {
  if ("values" in condition) {
    const answer = "field" in condition ? lookUp(condition.field, at) : situation(condition.situation, at);
    return (Array.isArray(answer) ? answer : [answer]).some((one) => condition.values.includes(one));
  }
  if ("filled" in condition) {
    const answer = lookUp(condition.field, at);
    const empty = answer === undefined || answer === null || answer === "" || (Array.isArray(answer) && !answer.length);
    return condition.filled !== empty;
  }
  if ("not" in condition) {
    const verdict = test(condition.not, at);
    return verdict === UNKNOWN ? UNKNOWN : !verdict;
  }
  if ("any" in condition || "all" in condition) {
    const decisive = "any" in condition;
    const verdicts = (condition.any ?? condition.all).map((part) => test(part, at));
    if (verdicts.includes(decisive)) return decisive;
    return verdicts.includes(UNKNOWN) ? UNKNOWN : !decisive;
  }
  return compare(condition.compare, at);
}

function compare([left, operator, right], at) {
  const a = evaluate(left, at), b = evaluate(right, at);
  if (a === undefined || b === undefined || typeof a !== typeof b) return UNKNOWN;
  if (operator === "==") return a === b;
  if (operator === "!=") return a !== b;
  if (typeof a === "boolean" || (typeof a === "string" && !(isDay(a) && isDay(b)))) return UNKNOWN;
  return { "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b }[operator];
}

// ---- settling -----------------------------------------------------------------------------------------------------

// Every field and situation with its way to it: [name], [group, name] or ["situations", code].
function asked(form) {
  const top = form.layout.flatMap((entry) => [
    { path: [entry.field], entry },
    ...(entry.fields ?? []).map((inner) => ({ path: [entry.field, inner.field], entry: inner })),
  ]);
  return [...form.situations.map((entry) => ({ path: ["situations", entry.code], entry: { ...entry, required: true } })), ...top];
}

// Names inside a condition or expression, as ways.
function named(part, group) {
  if (Array.isArray(part)) return part.flatMap((inner) => named(inner, group));
  if (!isObject(part) || "value" in part) return [];
  if ("items" in part) return [[part.items, part.field]];
  const name = part.field ?? (typeof part.count === "string" ? part.count : undefined);
  if (name !== undefined) return [name.startsWith("/") ? [name.slice(1)] : group === null ? [name] : [group, name]];
  if ("situation" in part) return [["situations", part.situation]];
  return Object.values(part).flatMap((inner) => named(inner, group));
}

const groupOf = (path) => (path.length === 2 && path[0] !== "situations" ? path[0] : null);

function inOrder(questions) {
  const left = questions.map((question) => {
    const group = groupOf(question.path);
    const { shown_when = {}, computed = {} } = question.entry;
    const before = [...named(shown_when, group), ...named(computed, group), ...(group === null ? [] : [[group]])];
    return { question, before: new Set(before.map(String)) };
  });
  const order = [];
  while (left.length) {
    const waiting = new Set(left.map(({ question }) => String(question.path)));
    const next = left.findIndex(({ before }) => ![...before].some((path) => waiting.has(path)));
    if (next < 0) throw new Error("a circle");
    order.push(left.splice(next, 1)[0].question);
  }
  return order;
}

// Each place where something of `path` is asked: the object that holds it, and its JSON Pointer.
function places(path, answers) {
  const name = path.at(-1);
  if (path.length === 1) return [{ holder: answers, item: answers, pointer: `/${name}` }];
  const list = read(answers, path[0]);
  if (path[0] === "situations") {
    return [{ holder: isObject(list) ? list : {}, item: answers, pointer: `/situations/${name}` }];
  }
  return (Array.isArray(list) ? list : []).flatMap((item, index) =>
    isObject(item) ? [{ holder: item, item, pointer: `/${path[0]}/${index}/${name}` }] : []);
}

function settle(form, typed, person, today) {
  const answers = structuredClone(typed);
  const questions = asked(form);
  for (const { path, entry } of questions) {
    for (const { holder } of places(path, answers)) {
      const format = formatOf(form.schema, path);
      if (typeof read(holder, path.at(-1)) === "string") holder[path.at(-1)] = plain(format, holder[path.at(-1)]);
    }
    const known = entry.prefill && person[entry.prefill.from];
    if (known !== undefined && known !== null && entry.prefill.editable !== true) answers[path[0]] = known;
  }
  const hidden = new Set();
  for (const { path, entry } of inOrder(questions)) {
    for (const { holder, item, pointer } of places(path, answers)) {
      const at = { answers, item, group: groupOf(path), today };
      const name = path.at(-1);
      if (entry.shown_when && test(entry.shown_when, at) !== true) {
        delete holder[name];
        hidden.add(pointer);
      } else if (entry.computed) {
        const value = evaluate(entry.computed, at);
        if (value === undefined) delete holder[name];
        else holder[name] = value;
      }
    }
  }
  return { answers, hidden };
}

function formatOf(schema, path) {
  const top = read(schema.properties, path[0]);
  return (path.length === 1 ? top : read(read(top, "items")?.properties, path[1]))?.format;
}

function judge({ form, answers: typed, person, today }) {
  const { answers, hidden } = settle(form, typed, person, today);
  const shown = (pointer) => !hidden.has(pointer) && !hidden.has(pointer.split("/").slice(0, 2).join("/"));
  const visible = [], missing = [];
  for (const { path, entry } of asked(form)) {
    for (const { holder, pointer } of places(path, answers)) {
      if (!shown(pointer)) continue;
      visible.push(pointer);
      if (entry.required && !has(holder, path.at(-1))) missing.push(pointer);
    }
  }
  return { answers, visible, missing, broken: broken(form, answers, shown, today) };
}

function broken(form, answers, shown, today) {
  return form.rules.flatMap((rule) => {
    const around = rule.each === undefined ? [{ item: answers, base: "" }] : places([rule.each, ""], answers).map(
      ({ item, pointer }) => ({ item, base: pointer.slice(0, -1).replace(/\/$/, "") }));
    return around.flatMap(({ item, base }) => {
      const at = { answers, item, group: rule.each ?? null, today };
      const told = rule.at.map((name) => (name.startsWith("/") ? name : `${base}/${name}`)).filter(shown);
      const applies = told.length > 0 && (rule.when === undefined || test(rule.when, at) === true);
      return applies && test(rule.check, at) === false ? told.map((pointer) => [rule.code, pointer]) : [];
    });
  });
}

// ---- requests -----------------------------------------------------------------------------------------------------

const Ajv = process.argv[2] ? (await import(process.argv[2])).default : undefined;

function accepts(schema, answers, today) {
  const formats = Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, (text) => check(text, today)]));
  return new (Ajv.default ?? Ajv)({ strict: false, formats }).compile(schema)(answers);
}

function answer(request) {
  if (request.format) return checks[request.format](request.text, request.today);
  const judged = judge(request);
  return Ajv ? { ...judged, accepted: accepts(request.form.schema, judged.answers, request.today) } : judged;
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(answer(JSON.parse(line))));
