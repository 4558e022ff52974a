import * as vscode from 'vscode';
import type { Context } from '../context';
import type { Node } from '../tree';
import { codeOf, messageOf, type Choices, type Commands, type RunArgs } from '../protocol';
import { label, notice, plain } from '../plain';
import { branchProblem, stateWord } from '../present';
import { choose, chooseFrom, filled, pickInstance, pickRepo } from './pick';
import { writePrompt } from './prompt';

/** Prompts that have not reached an agent, by repository and branch: the next run begins with them. */
const unsent = new Map<string, string>();

/** Runs an agent: asks for what the node or the caller leaves open. */
export async function run(c: Context, node?: Node): Promise<void> {
  const title = vscode.l10n.t('Run Agent');
  const workspace = await pickRepo(c, title, node);
  if (workspace === undefined) return;
  const asked = c.server.exec('hjk-ls.choices', { workspace });
  const chosen = node && node.kind !== 'repo' ? { branch: node.instance.branch } : await pickBranch(c, asked, title);
  const target = chosen && await settleWhere(c, asked, title, chosen);
  if (!target) return;
  const agent = await pickAgent(asked, title, target.branch);
  if (agent === undefined) return;
  if (agent === 'shell') {
    await start(c, { workspace, ...target, agent });
    return;
  }
  const key = [(await asked).repo, target.branch].join('\n');
  const prompt = await writePrompt(title, agent, target.branch, unsent.get(key) ?? '');
  if (prompt === undefined) return;
  unsent.set(key, prompt);
  await start(c, { workspace, ...target, agent, ...(prompt === '' ? {} : { prompt }) });
  unsent.delete(key);
}

/** Runs what a lens asks for, by the agent of the settings and without a prompt. */
export async function runFromLens(c: Context, args: RunArgs): Promise<RunResult | undefined> {
  const target = await settleWhere(c, c.server.exec('hjk-ls.choices', { workspace: args.workspace }), vscode.l10n.t('Run Agent'), args);
  return target && start(c, { ...args, ...target });
}

/** Starts a session and attaches to it. A program that ended by then is told as such. */
export async function start(c: Context, args: RunArgs): Promise<RunResult> {
  const asked = c.attention.ask();
  const res = await c.server.exec('hjk-ls.run', { ...args, attach: false });
  const { repo: workspace, branch } = res.instance;
  c.state.markSeen(workspace, branch);
  try {
    await c.terminals.attach(c.server, { workspace, branch, session: res.session.name }, asked);
  } catch (e) {
    if (!['session_ended', 'instance_stopped'].includes(codeOf(e))) throw e;
    c.log.info(messageOf(e));
  }
  return res;
}

/** Another shell beside what runs. */
export async function newShell(c: Context, node?: Node): Promise<void> {
  const i = await pickInstance(c, vscode.l10n.t('New Shell'), node);
  if (!i) return;
  const names = new Set(i.sessions.map(s => s.name));
  let session = 'shell';
  for (let n = 2; names.has(session); n++) session = `shell-${n}`;
  await start(c, { workspace: i.repo, branch: i.branch, agent: 'shell', session });
}

type Target = { branch: string; from?: string; here?: boolean };
type RunResult = Commands['hjk-ls.run'][1];
type BranchItem = vscode.QuickPickItem & { target?: Target; create?: string };

/** Where an agent is to work whose branch the user has checked out: on a new branch, or there. */
async function settleWhere(c: Context, found: Promise<Choices>, title: string, target: Target): Promise<Target | undefined> {
  const asked = c.attention.ask();
  const choices = await found;
  const own = choices.branches.find(b => b.remote === undefined && b.name === target.branch && target.from === undefined);
  if (own?.checkout === undefined || target.here === true) return target;
  if (!await c.attention.welcome(asked, vscode.l10n.t('{0} is checked out where you work yourself.', notice(own.name)))) return undefined;
  const where = await choose([
    { label: '$(git-branch) ' + vscode.l10n.t('On a new branch'), description: vscode.l10n.t('from {0}, in a worktree of its own', label(own.name)), value: 'new' },
    { label: '$(folder-opened) ' + vscode.l10n.t('Here'), description: vscode.l10n.t('in {0}: it changes your own files', label(own.checkout)), value: 'here' },
  ], title, vscode.l10n.t('{0} is checked out where you work yourself. Where is the agent to work?', plain(own.name)));
  if (where === undefined) return undefined;
  if (where === 'here') return { branch: own.name, here: true };
  const branch = await nameBranch(choices, title, own.newBranch ?? '');
  return branch === undefined ? undefined : { branch, from: own.name };
}

async function nameBranch(choices: Choices, title: string, value: string): Promise<string | undefined> {
  const name = await vscode.window.showInputBox({
    title, value, prompt: vscode.l10n.t('Name of the new branch'), placeHolder: 'fix/login', ignoreFocusOut: true,
    validateInput: n => n === '' ? undefined : newBranchProblem(choices, n),
  });
  return name === '' ? undefined : name;
}

async function pickBranch(c: Context, found: Promise<Choices>, title: string): Promise<Target | undefined> {
  const item = await branchPick(c, found, title);
  if (item?.target) return item.target;
  if (item?.create === undefined) return undefined;
  const choices = await found;
  const branch = newBranchProblem(choices, item.create) === undefined ? item.create : await nameBranch(choices, title, item.create);
  if (branch === undefined) return undefined;
  const from = await pickStart(choices, title, branch);
  return from === undefined ? undefined : { branch, ...(from === '' ? {} : { from }) };
}

function newBranchProblem(choices: Choices, name: string): string | undefined {
  const problem = branchProblem(name);
  if (problem !== undefined) return problem;
  if (choices.branches.some(b => b.name === name && b.remote === undefined)) return vscode.l10n.t('There is a branch of this name already.');
  const clash = choices.branches.find(b => b.remote === undefined && (b.name.startsWith(name + '/') || name.startsWith(b.name + '/')));
  return clash ? vscode.l10n.t('This cannot be beside the branch {0}.', clash.name) : undefined;
}

/** A pick of branches, in which a name that is none yet offers to create it. */
async function branchPick(c: Context, found: Promise<Choices>, title: string): Promise<BranchItem | undefined> {
  const create: BranchItem = { label: '$(add) ' + vscode.l10n.t('Create new branch…'), alwaysShow: true, create: '' };
  const pick = vscode.window.createQuickPick<BranchItem>();
  pick.title = title;
  pick.placeholder = vscode.l10n.t('On which branch? Each has a container of its own');
  pick.matchOnDescription = true;
  pick.ignoreFocusOut = true; // a terminal that ends meanwhile takes the focus
  const fill = (choices: Choices): void => {
    const branches = branchItems(c, choices);
    const offer = (value: string): void => {
      const name = value.trim();
      const free = name !== '' && newBranchProblem(choices, name) === undefined;
      pick.items = [free ? { label: '$(add) ' + vscode.l10n.t('Create branch {0}', label(name)), alwaysShow: true, create: name } : { ...create, create: name }, ...branches];
    };
    pick.onDidChangeValue(offer);
    offer(pick.value);
  };
  try {
    return await filled(pick, found.then(fill), () => pick.selectedItems[0]);
  } finally {
    pick.dispose();
  }
}

function branchItems(c: Context, choices: Choices): BranchItem[] {
  const separator = (name: string): BranchItem => ({ label: name, kind: vscode.QuickPickItemKind.Separator });
  const item = (b: Choices['branches'][number]): BranchItem => {
    const instance = b.remote === undefined ? c.state.find(choices.repo, b.name) : undefined;
    const words = [b.remote, b.current === true ? vscode.l10n.t('checked out here') : undefined, instance && stateWord(instance)].filter(w => w !== undefined);
    return {
      label: `$(${instance ? 'vm' : b.remote === undefined ? 'git-branch' : 'cloud'}) ${label(b.name)}`, description: label(words.join(' · ')),
      target: b.remote === undefined ? { branch: b.name } : { branch: b.name, from: `${b.remote}/${b.name}` },
    };
  };
  const local = choices.branches.filter(b => b.remote === undefined);
  const remote = choices.branches.filter(b => b.remote !== undefined);
  return [
    separator(vscode.l10n.t('branches')), ...local.map(item),
    ...(remote.length > 0 ? [separator(vscode.l10n.t('branches of remotes')), ...remote.map(item)] : []),
  ];
}

/** Where a new branch begins: "" is what is checked out. */
async function pickStart(choices: Choices, title: string, branch: string): Promise<string | undefined> {
  const current = choices.branches.find(b => b.current);
  const others = choices.branches.filter(b => b !== current);
  if (others.length === 0) return '';
  return choose([
    { label: '$(git-commit) HEAD', description: label(current?.name ?? vscode.l10n.t('what is checked out')), value: '' },
    ...others.map(b => {
      const name = b.remote === undefined ? b.name : `${b.remote}/${b.name}`;
      return { label: `$(git-branch) ${label(name)}`, description: '', value: name };
    }),
  ], title, vscode.l10n.t('Where does {0} begin?', plain(branch)));
}

async function pickAgent(found: Promise<Choices>, title: string, branch: string): Promise<string | undefined> {
  return chooseFrom(found.then(choices => ({
    items: [...choices.agents].sort((a, b) => Number(b.default ?? false) - Number(a.default ?? false)).map(a => ({
      label: `$(${a.name === 'shell' ? 'terminal' : 'robot'}) ${label(a.name)}`, description: a.default === true ? vscode.l10n.t('default') : '', value: a.name,
    })),
  })), title, vscode.l10n.t('Which agent on {0}?', plain(branch)));
}
