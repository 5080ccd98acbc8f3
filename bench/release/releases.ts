import type { Job } from "#common/contracts/http.ts";
import { namespace, sharedImage, tags, type ShopService } from "../support/shop.ts";
import { lonelyServices, type Stage } from "../support/stage.ts";

/** Releases on a stage, each of something that changes: tags alternate. */
export interface Releases {
  readonly stage: Stage;
  /** Different services, none twice in a row. */
  nextServices(count: number): readonly ShopService[];
  /** Sends the release of a service to the tag it does not have; it remembers that it has it then. */
  start(service: ShopService): Promise<Job>;
  /** The same for all services that run the shared image. */
  startShared(): Promise<Job>;
  /** Asks for the tag that it has. */
  startNothing(service: ShopService): Promise<Job>;
  /** The same image to the same tag by the peer; seconds. */
  byPeer(image: string): Promise<number>;
  /** The peer finds the image as it is; seconds. */
  nothingByPeer(image: string): Promise<number>;
}

type Tag = (typeof tags)[number];

export function createReleases(stage: Stage): Releases {
  const { api, peer, world } = stage;
  const ours = new Map<string, Tag>();
  const theirs = new Map<string, Tag>();
  const services = lonelyServices(world);
  let next = 0;
  return {
    stage,
    nextServices: (count) =>
      Array.from({ length: count }, () => {
        const service = services[next % services.length];
        next += 1;
        if (service === undefined) throw new RangeError("the shop has no services");
        return service;
      }),
    start: ({ name, image }) => {
      const images = [`${image}:${flip(ours, image)}`];
      return api.release({ workloads: [`${namespace}/${name}`], images });
    },
    startShared: () => api.release({ all: true, images: [`${sharedImage}:${flip(ours, sharedImage)}`] }),
    startNothing: ({ name, image }) => {
      const images = [`${image}:${tagOf(ours, image)}`];
      return api.release({ workloads: [`${namespace}/${name}`], images });
    },
    byPeer: async (image) => {
      const { seconds, pushed } = await peer.release(image, flip(theirs, image));
      if (!pushed) throw new Error(`the peer found nothing to do for ${image}`);
      return seconds;
    },
    nothingByPeer: async (image) => {
      const { seconds, pushed } = await peer.release(image, tagOf(theirs, image));
      if (pushed) throw new Error(`the peer changed ${image}`);
      return seconds;
    },
  };
}

function tagOf(known: ReadonlyMap<string, Tag>, image: string): Tag {
  return known.get(image) ?? tags[0];
}

function flip(known: Map<string, Tag>, image: string): Tag {
  const other = tagOf(known, image) === tags[0] ? tags[1] : tags[0];
  known.set(image, other);
  return other;
}
