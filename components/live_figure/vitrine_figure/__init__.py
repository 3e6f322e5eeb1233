"""The browser side of the live figure; installed as a distribution because Streamlit serves assets of those only."""
