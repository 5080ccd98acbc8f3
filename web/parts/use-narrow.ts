import { useEffect, useState } from "preact/hooks";

const narrow = "(max-width: 820px)";

/** Whether there is room for one column only; lines of lists are of another height then. */
export function useNarrow(): boolean {
  const [is, setIs] = useState(() => matchMedia(narrow).matches);
  useEffect(() => {
    const media = matchMedia(narrow);
    const look = (): void => setIs(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  return is;
}
