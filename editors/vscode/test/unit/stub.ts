// As much of the editor's API as pure code needs.
export const l10n = {
  t: (text: string, ...args: unknown[]): string => text.replaceAll(/\{(\d+)\}/g, (_, n: string) => String(args[Number(n)])),
};
export class EventEmitter<T> {
  private readonly all = new Set<(e: T) => void>();
  readonly event = (f: (e: T) => void): { dispose: () => void } => { this.all.add(f); return { dispose: () => this.all.delete(f) }; };
  fire(e: T): void { for (const f of this.all) f(e); }
  dispose(): void { this.all.clear(); }
}
export const contexts: Record<string, unknown> = {};
export const commands = {
  executeCommand: (_: string, key: string, value: unknown): Promise<void> => { contexts[key] = value; return Promise.resolve(); },
};
export const workspace = {}, window = {};
