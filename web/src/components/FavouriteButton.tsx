import { useText } from '@/i18n/i18n';
import { useFavourites } from '@/preferences/preferences';

/** Marks a workflow, by `PROJECT/NAME`, so that it comes first. */
export function FavouriteButton({ name }: { name: string }) {
  const text = useText();
  const favourites = useFavourites();
  const on = favourites.has(name);
  return (
    <button
      className="plain favourite"
      data-testid="favourite"
      aria-pressed={on}
      aria-label={`${text.workflows.favourite} ${name}`}
      title={text.workflows.favourite}
      onClick={() => favourites.toggle(name)}
    >
      {on ? '★' : '☆'}
    </button>
  );
}
