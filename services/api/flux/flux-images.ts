import type { WorkloadImages } from "#common/contracts/http.ts";

import type { FluxContainer, FluxImage, FluxServiceImages } from "./flux-answers.ts";

type ContainerImages = WorkloadImages["containers"][number];
type Available = ContainerImages["available"][number];

/** Images as `fluxctl list-images` reads them: newest first, cut on the client alone. */
export function toFluxImages(images: readonly WorkloadImages[]): readonly FluxServiceImages[] {
  return images.map(({ workload, containers }) => ({
    ID: workload,
    Containers: containers.map(toFluxContainer),
  }));
}

function toFluxContainer(of: ContainerImages): FluxContainer {
  const running = of.available.findIndex((image) => image.running);
  const newer = of.available.slice(0, Math.max(0, running));
  const eligible = of.available.filter((image) => image.eligible);
  const current = of.available[running];
  const [latest] = eligible;
  return {
    Name: of.container,
    Current:
      current === undefined ? { ID: of.image, Labels: {} } : { ...toFluxImage(of, current), ID: of.image },
    LatestFiltered: latest === undefined ? { ID: "", Labels: {} } : toFluxImage(of, latest),
    ...(of.available.length > 0
      ? { Available: of.available.map((image) => toFluxImage(of, image)) }
      : { AvailableError: errorOf(of) }),
    AvailableImagesCount: of.total,
    NewAvailableImagesCount: newer.length,
    FilteredImagesCount: eligible.length,
    NewFilteredImagesCount: newer.filter((image) => image.eligible).length,
  };
}

function errorOf({ problem, missing }: ContainerImages): string {
  if (problem !== null)
    return problem.detail === null ? problem.title : `${problem.title}: ${problem.detail}`;
  return missing?.detail ?? "image data not available";
}

function toFluxImage({ repository, scannedAt }: ContainerImages, image: Available): FluxImage {
  const createdAt = image.createdAt ?? image.firstSeenAt;
  return {
    ID: `${repository}:${image.tag}`,
    ...(image.digest !== null && { Digest: image.digest }),
    Labels: {},
    ...(createdAt !== null && { CreatedAt: createdAt }),
    ...(scannedAt !== null && { LastFetched: scannedAt }),
  };
}
