import type { EnvironmentSettings, Settings } from "#common/contracts/settings.ts";

/** What no single key can tell: faults between the parts of a settings file, each with its path. */
export function crossFaults(settings: Pick<Settings, "environments" | "registries">): readonly string[] {
  return [
    ...settings.environments.flatMap(gitFaults),
    ...overlapFaults(settings.environments),
    ...registryFaults(settings),
  ];
}

function gitFaults({ git }: EnvironmentSettings, index: number): readonly string[] {
  const where = `environments[${index}].git`;
  const faults: string[] = [];
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]*@/i.test(git.url)) {
    faults.push(`${where}.url: holds a password; name it by tokenFile or tokenEnv`);
  }
  if (/^http:/i.test(git.url) && !git.allowHttp) {
    faults.push(`${where}.url: plain http needs "allowHttp: true"`);
  }
  if (git.tokenFile !== undefined && git.tokenEnv !== undefined) {
    faults.push(`${where}: give either tokenFile or tokenEnv`);
  }
  git.paths.forEach((path, at) => {
    if (path.startsWith("/") || path.split("/").includes("..")) {
      faults.push(`${where}.paths[${at}]: must be inside the repository, without "/" at its start or ".."`);
    }
  });
  return faults;
}

/** Two environments that may both write the same file of one lane would undo each other. */
function overlapFaults(environments: readonly EnvironmentSettings[]): readonly string[] {
  const faults: string[] = [];
  // flatMap steps over holes: what was wrong by itself is not compared.
  const writing = environments.flatMap((environment, index) => [{ environment, index }]);
  for (const [at, later] of writing.entries()) {
    for (const earlier of writing.slice(0, at)) {
      const [a, b] = [earlier.environment, later.environment];
      if (a.mode !== "apply" || b.mode !== "apply" || !sameLane(a, b)) continue;
      b.git.paths.forEach((path, at) => {
        const other = a.git.paths.find((candidate) => overlap(candidate, path));
        if (other === undefined) return;
        const where = `environments[${later.index}].git.paths[${at}]`;
        faults.push(`${where}: "${path}" overlaps "${other}" of environment "${a.name}" on the same branch`);
      });
    }
  }
  return faults;
}

function registryFaults({ registries }: Pick<Settings, "registries">): readonly string[] {
  return registries.flatMap((registry, index) => {
    const where = `registries[${index}]`;
    const faults: string[] = [];
    if (registries.slice(0, index).some(({ host }) => host === registry.host)) {
      faults.push(`${where}.host: "${registry.host}" is used twice`);
    }
    if (registry.passwordFile !== undefined && registry.passwordEnv !== undefined) {
      faults.push(`${where}: give either passwordFile or passwordEnv`);
    }
    const hasPassword = (registry.passwordFile ?? registry.passwordEnv) !== undefined;
    if ((registry.username !== undefined) !== hasPassword) {
      faults.push(`${where}: give username and its password (passwordFile or passwordEnv), or neither`);
    }
    if ((registry.certFile === undefined) !== (registry.keyFile === undefined)) {
      faults.push(`${where}: give both certFile and keyFile, or neither`);
    }
    return faults;
  });
}

function sameLane(a: EnvironmentSettings, b: EnvironmentSettings): boolean {
  return a.git.branch === b.git.branch && sameRepository(a.git.url, b.git.url);
}

/** Whether two URLs name one repository, whatever the scheme, user, spelling of the host or ".git". */
export function sameRepository(a: string, b: string): boolean {
  return repositoryKey(a) === repositoryKey(b);
}

function repositoryKey(url: string): string {
  const scp = /^(?:[^@/]+@)?([^:/]+):(?!\/)(.+)$/.exec(url);
  const text = scp === null ? url : `ssh://${scp[1]}/${scp[2]}`;
  if (!URL.canParse(text)) return text;
  const { protocol, host, port, pathname } = new URL(text);
  const defaultPort = { "ssh:": "22", "https:": "443", "http:": "80" }[protocol] ?? "";
  const name = port === defaultPort ? host.replace(/:\d+$/, "") : host;
  return `${name.toLowerCase()}${pathname.replace(/\/+$/, "").replace(/\.git$/, "")}`;
}

function overlap(a: string, b: string): boolean {
  const [one, two] = [folderOf(a), folderOf(b)];
  return one.startsWith(two) || two.startsWith(one);
}

/** `deploy/` for "deploy", "./deploy/"; empty for the whole repository. */
function folderOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.map((part) => `${part}/`).join("");
}
