/** The texts of a table, each with a number. Only grows; a table whose texts became too many takes a new one. */
export class Dictionary {
  readonly #places = new Map<string, number>();
  readonly #texts: string[] = [];

  /** How many there are. */
  get size(): number {
    return this.#texts.length;
  }

  /** The number of a text; a new one for one that is new. */
  intern(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    const place = this.#texts.push(text) - 1;
    this.#places.set(text, place);
    return place;
  }

  /** The text of a number. */
  text(place: number): string | undefined {
    return this.#texts[place];
  }

  /** The texts of some numbers, in order. */
  slice(from: number, end: number = this.#texts.length): readonly string[] {
    return this.#texts.slice(from, end);
  }
}
