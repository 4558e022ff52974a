import * as vscode from 'vscode';
import type { BuildEvent, Instance, Session, Snapshot } from './protocol';
import { isAgent, needsUser, viewOf, wasStopped, type View } from './present';

const SEEN = 'headjack.seen';

export interface Ended { i: Instance; s: Session }

/** What the server told last, and what the user has seen of it. */
export class State implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private readonly failed = new vscode.EventEmitter<Ended>();
  /** An agent that ran ended with an exit code of its own that is not 0. */
  readonly onDidFail = this.failed.event;
  server: 'starting' | 'running' | 'failed' = 'starting';
  snapshot: Snapshot | undefined;
  private readonly building = new Map<string, BuildEvent>();

  constructor(private readonly memory: vscode.Memento) {}

  dispose(): void {
    this.changed.dispose();
    this.failed.dispose();
  }

  get instances(): Instance[] { return this.snapshot?.instances ?? []; }
  get repos(): string[] { return [...new Set((this.snapshot?.folders ?? []).flatMap(f => f.repo ?? []))]; }
  get view(): View { return viewOf(this.server, this.snapshot); }
  get builds(): BuildEvent[] { return [...this.building.values()]; }

  find(repo: string, branch: string): Instance | undefined {
    return this.instances.find(i => i.repo === repo && i.branch === branch);
  }

  setServer(server: State['server']): void {
    this.server = server;
    if (server !== 'running') {
      this.snapshot = undefined;
      this.building.clear();
    }
    this.fire();
  }

  setSnapshot(snapshot: Snapshot): void {
    const ran = new Set(this.instances.flatMap(i => i.sessions.filter(s => s.state === 'running').map(s => key({ i, s }))));
    this.snapshot = snapshot;
    for (const e of this.ended()) {
      if ((e.s.exitCode ?? 0) > 0 && !wasStopped(e.s) && ran.has(key(e))) this.failed.fire(e);
    }
    if (snapshot.engine.reachable && this.memory.get(SEEN) === undefined) this.remember(this.ended().map(key)); // what ended before is no news
    this.fire();
  }

  noteBuild(e: BuildEvent): void {
    if (e.state === 'running') this.building.set(e.uri, e);
    else this.building.delete(e.uri);
    this.fire();
  }

  private fire(): void {
    void vscode.commands.executeCommand('setContext', 'headjack.view', this.view);
    void vscode.commands.executeCommand('setContext', 'headjack.hasInstances', this.instances.length > 0);
    this.changed.fire();
  }

  private ended(): Ended[] { return this.instances.flatMap(endedIn); }

  private seen(): string[] { return this.memory.get<string[]>(SEEN) ?? []; }

  private remember(keys: string[]): void {
    if (this.snapshot?.engine.reachable !== true) return; // nothing can be told of what is gone
    const alive = new Set(this.instances.flatMap(i => i.sessions.map(s => key({ i, s })))); // of what is gone nothing is kept
    void this.memory.update(SEEN, [...new Set([...this.seen(), ...keys])].filter(k => alive.has(k)));
  }

  /** The user has looked at a branch: its agents that ended count no more. */
  markSeen(repo: string, branch: string): void {
    this.remember(this.ended().filter(e => e.i.repo === repo && e.i.branch === branch).map(key));
    this.changed.fire();
  }

  /** What the user ended is no news: the answer to that may come before the snapshot that tells of it. */
  markEnded(i: Instance): void {
    this.remember(endedIn(i).map(key));
    this.changed.fire();
  }

  markAllSeen(): void {
    this.remember(this.ended().map(key));
    this.changed.fire();
  }

  /** How many agents wait for the user, and how many ended unseen. */
  attention(): { waiting: number; ended: number } {
    const seen = new Set(this.seen());
    return {
      waiting: this.instances.flatMap(i => i.sessions).filter(needsUser).length,
      ended: this.ended().filter(e => !seen.has(key(e))).length,
    };
  }
}

function endedIn(i: Instance): Ended[] {
  return i.sessions.filter(s => isAgent(s) && s.state === 'exited').map(s => ({ i, s }));
}

function key(e: Ended): string {
  return [e.i.repo, e.i.branch, e.s.name, e.s.createdAt].join('\n');
}
