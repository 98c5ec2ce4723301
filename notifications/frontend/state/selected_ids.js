// @ts-check
/** Which ids of a list are selected, and from where a range goes. Knows no document. */

export class SelectedIds {
  /** @type {Set<number>} */
  #ids;

  /** Where a range begins and where it ends by now. @type {number | undefined} */
  #anchor;

  /** @type {number | undefined} */
  #end;

  /** What was selected when the range began: a range that becomes shorter gives back the rest. @type {Set<number>} */
  #idsBefore = new Set();

  /** @param {Iterable<number>} [ids] */
  constructor(ids = []) {
    this.#ids = new Set(ids);
  }

  get size() {
    return this.#ids.size;
  }

  get all() {
    return [...this.#ids];
  }

  /** @param {number} id */
  has(id) {
    return this.#ids.has(id);
  }

  /** @param {Iterable<number>} ids */
  replace(ids) {
    this.#ids = new Set(ids);
    this.#anchor = undefined;
  }

  /**
   * Select one or not; a range may go on from it.
   *
   * @param {number} id
   * @param {boolean} isSelected
   */
  set(id, isSelected) {
    if (isSelected) this.#ids.add(id);
    else this.#ids.delete(id);
    this.#beginRange(id);
  }

  /**
   * Select all from where the range began up to an id, or none of these.
   *
   * @param {number} id
   * @param {number[]} list all ids in their order
   * @param {boolean} [isSelected]
   */
  extendTo(id, list, isSelected = true) {
    this.#anchor ??= id;
    this.#end = id;
    const [low, high] = this.#anchor < id ? [this.#anchor, id] : [id, this.#anchor];
    const range = list.filter((each) => each >= low && each <= high); // the anchor may have left the list
    this.#ids = new Set(this.#idsBefore);
    for (const each of range) {
      if (isSelected) this.#ids.add(each);
      else this.#ids.delete(each);
    }
  }

  /**
   * Take a step that selects where it comes from and where it goes. A step back takes it back.
   *
   * @param {number} from
   * @param {number} to
   * @param {number[]} list all ids in their order
   */
  stepTo(from, to, list) {
    const isGoingOn = this.#anchor !== undefined && this.#end === from;
    if (!isGoingOn) this.#beginRange(from);
    this.extendTo(to, list);
  }

  /** @param {Set<number>} list what has left it is selected no longer */
  keepOnly(list) {
    for (const ids of [this.#ids, this.#idsBefore]) {
      for (const id of ids) {
        if (!list.has(id)) ids.delete(id);
      }
    }
  }

  /** @param {number} id */
  #beginRange(id) {
    this.#anchor = id;
    this.#end = id;
    this.#idsBefore = new Set(this.#ids);
  }
}
