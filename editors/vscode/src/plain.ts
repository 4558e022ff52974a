// Foreign text on its way into the editor: names, subjects and messages that an agent, an image or a repository wrote. Pure,
// for the tests. Values that go back to the server, to git or to the clipboard are exact, and do not go through here.

/** What acts on what is around it, or is not seen: controls, directions of writing, what has no width. */
// oxlint-disable-next-line no-control-regex, no-misleading-character-class
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

function spelled(c: string): string {
  const names: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  const code = c.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return names[c] ?? (code < 0x80 ? `\\x${hex.padStart(2, '0')}` : code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`);
}

const MOST = 300;

/** One line of a name or a message, for places that show text as it is, as tree views and titles do. */
export function plain(text: string): string {
  const short = text.length > MOST ? text.slice(0, MOST - 1) + '…' : text;
  return short.replace(HIDDEN, spelled);
}

/** The same for places that draw `$(name)` as an icon: quick picks, lenses, the status bar. */
export function label(text: string): string { return plain(text).replaceAll('$(', '\\$('); }

/** The same for notifications, which make links of `[x](command:y)`. */
export function notice(text: string): string { return plain(text).replaceAll('](', '] ('); }

/** Several lines, for the details of a dialog. */
export function lines(text: string): string { return text.split('\n').map(plain).join('\n'); }
