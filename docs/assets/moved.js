// An old address whose text has moved ends at a link with its anchor: follow the link.
document$.subscribe(() => {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)))
  if (place?.matches("a.moved")) location.replace(place.href)
})
