// How the reader's language writes numbers and times takes a browser tens of milliseconds to read in, once for all its threads. The worker
// does it before anything else, so that it is there by the time that the page has something to write.
(0).toLocaleString();
new Intl.NumberFormat().formatToParts(0);
new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' }).format(0, 'second');
'ä'.localeCompare('a');

export {};
