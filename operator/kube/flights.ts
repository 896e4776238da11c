import type { KubeObject } from '../../src/schema/kubernetes';

/** What list and watch have shown of a key while a write or read of it was under way. */
export interface Flight {
  readonly key: string;
  /** Turn of its start. */
  readonly beganAt: number;
  /** Versions from the start on, the one at the start included. */
  readonly versions: Set<string | undefined>;
  /** Incarnation known at the start. */
  readonly uid: string | undefined;
  readonly deletedUids: Set<string | undefined>;
  /** A list was stored meanwhile: a version that it does not show may lie before or after it. */
  listed: boolean;
}

/** Writes and reads under way, by key. */
export class Flights {
  private readonly byKey = new Map<string, Set<Flight>>();

  /** @param known what list and watch say of the key at the start */
  begin(key: string, known: KubeObject | undefined, turn: number): Flight {
    const flight: Flight = {
      key,
      beganAt: turn,
      versions: new Set([known?.metadata.resourceVersion]),
      uid: known?.metadata.uid,
      deletedUids: new Set(),
      listed: false,
    };
    const flights = this.byKey.get(key);
    if (flights === undefined) this.byKey.set(key, new Set([flight]));
    else flights.add(flight);
    return flight;
  }

  end(flight: Flight): void {
    const flights = this.byKey.get(flight.key);
    flights?.delete(flight);
    if (flights?.size === 0) this.byKey.delete(flight.key);
  }

  keys(): Iterable<string> {
    return this.byKey.keys();
  }

  /** The watch has shown this object, or its deletion. */
  recordEvent(key: string, { metadata }: KubeObject, deleted: boolean): void {
    for (const flight of this.byKey.get(key) ?? []) {
      flight.versions.add(metadata.resourceVersion);
      if (deleted) flight.deletedUids.add(metadata.uid);
    }
  }

  /** A list has shown this object, or that there is none. */
  recordListed(key: string, item: KubeObject | undefined): void {
    for (const flight of this.byKey.get(key) ?? []) {
      flight.listed = true;
      if (item !== undefined) flight.versions.add(item.metadata.resourceVersion);
    }
  }
}
