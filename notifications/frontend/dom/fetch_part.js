// @ts-check
/**
 * Parts of pages, made by the server.
 *
 * XMLHttpRequest makes the elements itself. To make them of a text, as DOMParser does, is forbidden where a site's policy has
 * `require-trusted-types-for 'script'`. Nothing in such a document runs.
 * https://xhr.spec.whatwg.org/#document-response
 */

const ANSWER_MS = 30_000; // nobody waits longer

/**
 * What is of interest in an answer: `page` where there is one, and JSON where it was refused.
 * @typedef {{status: number, page: Document | null, json: () => Promise<any>}} PartAnswer
 */

/**
 * @param {string} reader the tag of whose page asks
 * @param {string} url
 * @returns {Promise<PartAnswer>} with the status 0 where there is no answer
 */
export function fetchPart(reader, url) {
  const request = new XMLHttpRequest();
  request.open("GET", url);
  request.timeout = ANSWER_MS;
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-Notifications-Reader", reader);
  request.onreadystatechange = () => {
    const hasHeaders = request.readyState === XMLHttpRequest.HEADERS_RECEIVED;
    if (hasHeaders) request.responseType = request.status === 200 ? "document" : "json";
  };
  return new Promise((resolve) => {
    request.onloadend = () => {
      const { status, response } = request;
      const isPage = status === 200;
      resolve({ status, page: isPage ? response : null, json: async () => (isPage ? {} : (response ?? {})) });
    };
    request.send();
  });
}
