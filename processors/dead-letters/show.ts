import { LIMITS } from '#contract/limits.ts';
import { counted } from '#runtime/counted.ts';
import { terminalJson, terminalText } from '#runtime/terminal-text.ts';
import { placedProblems } from './letter-faults.ts';
import { detailText, isoTime, outcomeText, summaryOf } from './letter-summary.ts';
import { isForeign, type Letter } from './letters.ts';
import { excerpt } from './payload-place.ts';
import { hexLines, textLines, textOf } from './payload-text.ts';
import { type DeadLetterContract, replayToday } from './replay-today.ts';

/** Of a payload, unless it is wanted in full. */
const SHOWN_CHARACTERS = 4_096;
const SHOWN_BYTES = 512;

/** Everything about one letter, safe for a terminal. */
export function showLetter(letter: Letter, contract: DeadLetterContract, full: boolean): string {
  const text = textOf(letter.payload);
  const facts: [string, string][] = [
    ['device', letter.deviceId],
    ['reason', letter.reason],
    ['detail', detailText(letter.detail)],
    ['stage', letter.stage],
    ...mappingFacts(letter),
    ['schema', String(summaryOf(letter)['schema'] ?? '(none)')],
    ['written', isoTime(letter.time)],
    ['received', isoTime(letter.receivedAt)],
    ['first failed', isoTime(letter.firstFailedAt)],
    ['attempts', `${letter.attempt} of ${LIMITS.replayAttempts}`],
    ['status', `${outcomeText(letter)}${letter.state === undefined ? '' : `, ${isoTime(letter.state.at)}`}`],
    ['replay today', replayToday(letter, contract).text],
  ];
  return [
    `Dead letter ${letter.id}`,
    ...indented(facts.map(([name, value]) => `${name.padEnd(13)} ${terminalText(value)}`)),
    '',
    'Headers',
    ...indented(Object.entries(letter.headers).map(([name, value]) => terminalText(`${name}: ${value}`))),
    ...problemLines(letter, text),
    '',
    ...payloadLines(letter.payload, text, full),
    '',
  ].join('\n');
}

export function letterAsJson(letter: Letter, contract: DeadLetterContract): string {
  const text = textOf(letter.payload);
  return terminalJson({
    ...summaryOf(letter),
    headers: letter.headers,
    payload: text ?? null,
    payloadBase64: Buffer.from(letter.payload).toString('base64'),
    problems: placedProblems(letter).map(({ path, message, place }) => ({
      path,
      message,
      ...(place && { line: place.line, column: place.column }),
    })),
    replayToday: replayToday(letter, contract).text,
  });
}

/** Of a message on a foreign topic: where it came in, by which rule it was read, which element was refused. */
function mappingFacts(letter: Letter): [string, string][] {
  if (!isForeign(letter)) return [];
  const { mqttTopic, rule, path } = letter;
  const facts: [string, string][] = [
    ['topic', mqttTopic],
    ['mapping', rule === undefined ? 'none has a rule for this topic' : `${rule.source}, rule ${rule.topic}`],
  ];
  return path === undefined ? facts : [...facts, ['element', path === '' ? '(the message)' : path]];
}

function problemLines(letter: Letter, text: string | undefined): string[] {
  const lines = placedProblems(letter).flatMap(({ path, message, place }) => {
    const title = terminalText(`${path} ${message}`.trim());
    if (place === undefined || text === undefined) return [title];
    return [`${title} (line ${place.line}, column ${place.column})`, ...indented(excerpt(text, place))];
  });
  return lines.length === 0 ? [] : ['', 'Problems', ...indented(lines)];
}

function payloadLines(payload: Uint8Array, text: string | undefined, full: boolean): string[] {
  const kind = text === undefined ? 'not UTF-8' : 'UTF-8';
  const shown = text === undefined ? SHOWN_BYTES : SHOWN_CHARACTERS;
  const length = text === undefined ? payload.length : text.length;
  const lines =
    text === undefined
      ? hexLines(full ? payload : payload.subarray(0, shown))
      : textLines(full ? text : text.slice(0, shown));
  const cut = !full && length > shown ? ['… cut here; --full shows all, --raw writes the bytes'] : [];
  return [`Payload (${counted(payload.length, 'byte')}, ${kind})`, ...indented(lines), ...cut];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
