// Log in through the site's form, as a browser does: Node's fetch keeps no cookies.

/**
 * Return the `Cookie` header of a new session.
 * @param {string} url @param {string} username @param {string} password
 */
export async function logIn(url, username, password) {
  const form = `${url}/accounts/login/`;
  const csrftoken = cookiesOf(await fetch(form)).csrftoken;
  const { sessionid } = cookiesOf(
    await fetch(form, {
      method: "POST",
      redirect: "manual",
      headers: { Cookie: `csrftoken=${csrftoken}`, Referer: form },
      body: new URLSearchParams({ username, password, csrfmiddlewaretoken: csrftoken }),
    }),
  );
  if (!sessionid) throw new Error(`${url} did not let ${username} in.`);
  return `sessionid=${sessionid}`;
}

/** @param {Response} answer */
function cookiesOf(answer) {
  return Object.fromEntries(answer.headers.getSetCookie().map((text) => text.split(";")[0].split("=")));
}

/** The events of the stream; what else an EventSource hears is not the server's. */
export const EVENTS = ["hello", "change", "reset", "ping", "bye"];

/**
 * Write a frame: its event, the position after it and its data. Return whether the session is over.
 * @param {string} event @param {string} position @param {string} data
 */
export function show(event, position, data) {
  console.log(event, position, data);
  return event === "bye" && JSON.parse(data).reason === "auth";
}
