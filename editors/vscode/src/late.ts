// Whether something that was asked for comes too late to take the focus. Pure, for the tests.

/** When something was asked for, and how much the user had done until then. */
export interface Asked { at: number; deeds: number }

/** What nobody asked for. */
export const UNASKED: Asked = { at: -Infinity, deeds: -1 };

/** What takes longer comes late, in milliseconds: what is typed into terminals and search boxes no extension is told of. */
const SOON = 2000;

/** What the editor does because of a request itself it does within this time: it closes the palette, or the editor of a prompt. */
const SETTLES = 300;

/** What the user does, as far as the editor tells. A deed is typing, or a command: nothing of that follows from a request. A
 *  move is another place in the editor, which may. */
export class Deeds {
  private count = 0;
  private asked = -Infinity; // the last time

  ask(now: number): Asked {
    this.asked = now;
    return { at: now, deeds: this.count };
  }

  deed(): void { this.count++; }
  move(now: number): void { if (now - this.asked > SETTLES) this.count++; }

  late(a: Asked, now: number): boolean { return now - a.at > SOON || a.deeds !== this.count; }
}

/** As much of a change of a document as tells who made it. */
export interface Edit { scheme: string; dirty: boolean; empty: boolean }

/** Whether a change is the user's: what a program writes into a file that is open leaves it saved, and no user writes into outputs. */
export function isTyping(e: Edit): boolean {
  return !e.empty && e.scheme !== 'output' && (e.dirty || e.scheme === 'vscode-scm' || e.scheme === 'comment');
}
