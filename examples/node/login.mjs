// What lets a program in: a token, from NOTIFICATIONS_TOKEN, or a login through the site's form, as a browser does it.

/**
 * Return the headers that say who follows.
 * @param {string} url @param {string} [username] @param {string} [password] none: there is a token
 */
export async function headersFor(url, username, password) {
  if (username) return { Cookie: await logIn(url, username, password) };
  return { Authorization: `Bearer ${process.env.NOTIFICATIONS_TOKEN}` };
}

/**
 * Return the `Cookie` header of a new session, for Node's fetch keeps no cookies.
 * @param {string} url @param {string} username @param {string} password
 */
async function logIn(url, username, password) {
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
