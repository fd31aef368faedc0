/** Why there is no answer to a search, and what can be done. */
export class SearchError extends Error {
  /**
   * @param {"unreachable"|"busy"|"token"|"refused"} kind "unreachable": nobody answers, or the server has failed;
   *     "busy": it asks for a pause; "token": it wants to know who asks; "refused": asking again does not help.
   * @param {string} message For the person before the page.
   * @param {?number} wait The pause that is asked for, in ms.
   */
  constructor(kind, message, wait = null) {
    super(message);
    this.kind = kind;
    this.wait = wait;
  }
}
