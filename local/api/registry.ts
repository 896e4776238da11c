import type { ResourceKind } from './resource-kind';

/** The kinds that are served at this moment, by the path they are served under. */
export class Registry {
  private readonly kindsByPath = new Map<string, ResourceKind>();

  constructor(kinds: readonly ResourceKind[]) {
    for (const kind of kinds) this.add(kind);
  }

  add(kind: ResourceKind): void {
    this.kindsByPath.set(pathOf(kind.group, kind.version, kind.plural), kind);
  }

  remove({ group, version, plural }: ResourceKind): void {
    this.kindsByPath.delete(pathOf(group, version, plural));
  }

  find(group: string, version: string, plural: string): ResourceKind | undefined {
    return this.kindsByPath.get(pathOf(group, version, plural));
  }

  /** All kinds, in the order they were added. */
  all(): readonly ResourceKind[] {
    return [...this.kindsByPath.values()];
  }
}

function pathOf(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}
