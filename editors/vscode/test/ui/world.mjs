// What the journeys happen in: a folder of their own with a repository, an engine's address, and the state of hjk-ls.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const engine = process.env.HJK_TEST_DOCKER_HOST ?? fail('HJK_TEST_DOCKER_HOST is not set; scripts/with-engine sets it');

function fail(text) { throw new Error(text); }

/** An agent that says what it was told, waits for a line, writes a file, and ends. */
const agents = `agent: helper
agents:
  helper:
    command: [/bin/sh, -c, 'echo "READY $1"; read answer; echo "$answer" > answer.txt; echo changed >> tracked.txt; echo "BYE $answer"', helper]
  failing:
    command: [/bin/sh, -c, 'sleep 1; echo NO LOGIN; exit 3']
`;

export class World {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'hjkui-'));
    this.repo = path.join(this.dir, 'project');
    const home = path.join(this.dir, 'home');
    fs.mkdirSync(home);
    this.socket = path.join(this.dir, 'engine.sock');
    this.engineBack();
    this.env = {
      PATH: process.env.PATH, LANG: 'C.UTF-8', HOME: home, XDG_STATE_HOME: path.join(home, 'state'), XDG_DATA_HOME: path.join(home, 'data'), XDG_CONFIG_HOME: path.join(home, 'config'),
      DOCKER_HOST: `unix://${this.socket}`, GIT_AUTHOR_NAME: 'Me', GIT_AUTHOR_EMAIL: 'me@example.invalid', GIT_COMMITTER_NAME: 'Me', GIT_COMMITTER_EMAIL: 'me@example.invalid',
    };
    this.unique = path.basename(this.dir);
    this.git(this.dir, 'init', '-q', '-b', 'main', this.repo);
    this.write('tracked.txt', 'as it was\n');
    this.write('.headjack.yaml', agents);
    this.write('Dockerfile', this.dockerfile('first'));
    this.git(this.repo, 'add', '-A');
    this.git(this.repo, 'commit', '-q', '-m', 'start');
    this.git(this.repo, 'branch', 'other');
  }

  /** Who connects from now on finds no engine. */
  engineAway() { fs.unlinkSync(this.socket); }
  engineBack() { fs.symlinkSync(engine.replace('unix://', ''), this.socket); }

  dockerfile(what) { return `FROM hjk-test/busybox:1\nRUN echo ${what} ${this.unique} > /made\nRUN sleep 3 && echo last\n`; }
  write(name, text) { fs.writeFileSync(path.join(this.repo, name), text); }
  git(dir, ...args) { return execFileSync('git', ['-C', dir, ...args], { env: this.env, encoding: 'utf8' }).trim(); }
  hjk(...args) { return this.hjkIn(this.repo, ...args); }
  hjkIn(cwd, ...args) { return execFileSync(process.env.HJK_LS ?? fail('HJK_LS is not set'), args, { env: this.env, cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }); }
  instances() { return JSON.parse(this.hjk('ps', '--json')).instances; }
  docker(...args) { return execFileSync('docker', ['--host', engine, ...args], { encoding: 'utf8' }).trim(); }

  /** Processes that were started in this world and still run. */
  left() {
    return fs.readdirSync('/proc').filter(p => /^\d+$/.test(p)).flatMap(pid => {
      try {
        const env = fs.readFileSync(`/proc/${pid}/environ`, 'utf8');
        const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return env.includes(`HOME=${this.env.HOME}\0`) && !command.includes('hjk-shim') ? [`${pid} ${command}`] : [];
      } catch { return []; }
    });
  }

  end() {
    try {
      const all = JSON.parse(this.hjk('ps', '--all', '--json')).instances; // of the whole engine, which other tests use too
      for (const i of all.filter(x => x.repo.startsWith(this.dir + '/'))) this.hjkIn(i.repo, 'rm', i.branch, '--force');
    } finally {
      fs.rmSync(this.dir, { recursive: true, force: true });
    }
  }
}
