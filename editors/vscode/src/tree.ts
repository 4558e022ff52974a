import type { Instance, Session } from './protocol';

export interface RepoNode { kind: 'repo'; repo: string }
export interface InstanceNode { kind: 'instance'; instance: Instance }
export interface SessionNode { kind: 'session'; instance: Instance; session: Session }
/** What a command can be about. */
export type Node = RepoNode | InstanceNode | SessionNode;
/** A node as it stands in the view. */
export type Row = Node & { id: string };

/**
 * The rows of the Agents view: repositories where there are several, their instances, their sessions.
 *
 * A row is the same object for as long as it is shown, and only rows that changed are told to the editor: it forgets every row
 * of a tree that is refreshed as a whole, and a menu that is open on one would then act on none.
 */
export class Tree {
  private nodes = new Map<string, Row>();
  private below = new Map<string, Row[]>(); // by the id of the parent, "" for the root
  private shown = new Map<string, string>(); // what each row, and the list of those below it, was made from

  /** The rows to show anew with all that is below them, or 'all'. */
  update(instances: Instance[]): Row[] | 'all' {
    const before = this.shown;
    const old = this.nodes;
    this.nodes = new Map();
    this.below = new Map();
    this.shown = new Map();
    const repos = [...new Set(instances.map(i => i.repo))];
    if (repos.length > 1) this.add('', repos.map(repo => ({ kind: 'repo', id: repo, repo })), old, () => '');
    for (const repo of repos) this.addInstances(repos.length > 1 ? repo : '', instances.filter(i => i.repo === repo), old);
    if (before.get('') !== this.shown.get('')) return 'all';
    return [...this.nodes.values()].filter(n => before.has(n.id) && before.get(n.id) !== this.shown.get(n.id));
  }

  children(node?: Row): Row[] { return this.below.get(node?.id ?? '') ?? []; }

  private addInstances(parent: string, instances: Instance[], old: Map<string, Row>): void {
    const nodes = instances.map((instance): InstanceNode & Row => ({ kind: 'instance', id: instanceId(instance), instance }));
    this.add(parent, nodes, old, n => n.kind === 'instance' ? JSON.stringify(n.instance) : '');
    for (const { id, instance } of nodes) {
      const sessions = instance.sessions.map((session): Row => ({ kind: 'session', id: sessionId(instance, session), instance, session }));
      this.add(id, sessions, old, () => '');
    }
  }

  private add(parent: string, nodes: Row[], old: Map<string, Row>, content: (n: Row) => string): void {
    const kept = nodes.map(n => Object.assign(old.get(n.id) ?? n, n));
    for (const n of kept) {
      this.nodes.set(n.id, n);
      this.shown.set(n.id, content(n));
    }
    this.below.set(parent, kept);
    this.shown.set(parent, (this.shown.get(parent) ?? '') + '\n' + JSON.stringify(kept.map(n => n.id)));
  }
}

/** A row that gets its first session is to be expanded, which the editor does for new rows only. */
function instanceId(i: Instance): string {
  return JSON.stringify([i.repo, i.branch, i.sessions.length > 0]);
}

function sessionId(i: Instance, s: Session): string {
  return JSON.stringify([i.repo, i.branch, s.name]);
}
